;; A key without a letter.
    (func $attack (result i32)
      (call $edit (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0))
      (call $edit (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 0x80000000) (i32.const 0))
      (call $answer (i32.const 2048) (i32.const 0)))
