;; One cell gets another value and is removed.
    (data (i32.const 2048) "x")
    (func $attack (result i32)
      (call $edit (i32.const 2) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 1))
      (call $edit (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1))
      (call $answer (i32.const 2048) (i32.const 1)))
