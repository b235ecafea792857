;; A double that is not a number, with a payload: OTLP allows it.
    (data (i32.const 2048) "\01\00\00\00\00\00\f4\7f")
    (func $attack (result i32)
      (call $edit (i32.const 4) (i32.const 4) (i32.const 2) (i32.const 257) (i32.const 8))
      (call $answer (i32.const 2048) (i32.const 8)))
