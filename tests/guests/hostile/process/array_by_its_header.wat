;; Arrays are set in their encoded form; kind 6 is for reading.
    (data (i32.const 2048) "\01\00\00\00")
    (func $attack (result i32)
      (call $edit (i32.const 4) (i32.const 6) (i32.const 2) (i32.const 257) (i32.const 4))
      (call $answer (i32.const 2048) (i32.const 4)))
