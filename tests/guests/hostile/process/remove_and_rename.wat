;; One cell is removed and gets another key.
    (func $attack (result i32)
      (call $edit (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
      (call $edit (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 257) (i32.const 0))
      (call $answer (i32.const 2048) (i32.const 0)))
