    (data (i32.const 2048) "\02\00\00\00\01\00\00\00\01\00\00\00")
    (func $attack (result i32)
      (call $raw (i32.const 2048) (i32.const 4) (i32.const 0) (i32.const 0)))
