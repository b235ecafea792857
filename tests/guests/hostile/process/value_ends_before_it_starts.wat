;; The second value ends before the first one.
    (data (i32.const 2048) "abcd")
    (func $attack (result i32)
      (call $edit (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 257) (i32.const 4))
      (call $edit (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 256) (i32.const 2))
      (call $answer (i32.const 2048) (i32.const 4)))
