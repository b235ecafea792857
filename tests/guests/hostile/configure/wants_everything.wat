    (data (i32.const 2048) "*")
    (func (export "configure") (param i32 i32) (result i32)
      ;; Every attribute and the body at every level, read and written; every drop; bits that mean nothing yet.
      (call $selector (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 3) (i32.const 2048) (i32.const 1))
      (call $selector (i32.const 1) (i32.const 23) (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0))
      (call $interest (i32.const 2) (i32.const -1)))
