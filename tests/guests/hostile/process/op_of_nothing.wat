;; There is no operation 0.
    (func $attack (result i32)
      (call $edit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
      (call $answer (i32.const 2048) (i32.const 0)))
