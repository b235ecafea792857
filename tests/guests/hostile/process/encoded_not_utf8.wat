;; An encoded string that is none.
    (data (i32.const 2048) "\0a\02\c3\28")
    (func $attack (result i32)
      (call $edit (i32.const 4) (i32.const 11) (i32.const 2) (i32.const 257) (i32.const 4))
      (call $answer (i32.const 2048) (i32.const 4)))
