    (func $attack (result i32)
      (call $raw (i32.const 2048) (i32.const -1) (i32.const 0) (i32.const 0)))
