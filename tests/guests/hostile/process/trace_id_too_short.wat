;; A trace id of seven bytes.
    (data (i32.const 2048) "1234567")
    (func $attack (result i32)
      (call $edit (i32.const 4) (i32.const 5) (i32.const 2) (i32.const 26) (i32.const 7))
      (call $answer (i32.const 2048) (i32.const 7)))
