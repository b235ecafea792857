    (data (i32.const 2048) "\02\00\00\00\ff\ff\ff\ff")
    (func $attack (result i32)
      (call $raw (i32.const 2048) (i32.const 6) (i32.const 0) (i32.const 0)))
