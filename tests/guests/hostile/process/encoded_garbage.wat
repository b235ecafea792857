;; An encoded value whose inner length points beyond its end.
    (data (i32.const 2048) "\0a\7fab")
    (func $attack (result i32)
      (call $edit (i32.const 4) (i32.const 11) (i32.const 2) (i32.const 257) (i32.const 4))
      (call $answer (i32.const 2048) (i32.const 4)))
