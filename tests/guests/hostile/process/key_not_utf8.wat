;; A key that is no string.
    (data (i32.const 2048) "\f0\28\8c\bc")
    (func $attack (result i32)
      (call $edit (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 4))
      (call $edit (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 0x80000000) (i32.const 4))
      (call $answer (i32.const 2048) (i32.const 4)))
