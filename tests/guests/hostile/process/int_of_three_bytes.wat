;; An int has eight bytes.
    (data (i32.const 2048) "abc")
    (func $attack (result i32)
      (call $edit (i32.const 4) (i32.const 3) (i32.const 2) (i32.const 257) (i32.const 3))
      (call $answer (i32.const 2048) (i32.const 3)))
