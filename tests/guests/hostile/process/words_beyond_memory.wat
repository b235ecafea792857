    (func $attack (result i32)
      (call $raw (i32.const 131064) (i32.const 6) (i32.const 0) (i32.const 0)))
