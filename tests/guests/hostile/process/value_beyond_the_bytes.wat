;; The value ends behind the bytes of the answer.
    (data (i32.const 2048) "abcd")
    (func $attack (result i32)
      (call $edit (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 257) (i32.const 0x7fffffff))
      (call $answer (i32.const 2048) (i32.const 4)))
