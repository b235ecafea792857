    (data (i32.const 2048) "\f0\28\8c\bc")
    (func (export "configure") (param i32 i32) (result i32)
      (call $selector (i32.const 0) (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 2048) (i32.const 4))
      (call $interest (i32.const 1) (i32.const 0)))
