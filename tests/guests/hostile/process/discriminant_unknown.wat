    (func $attack (result i32)
      (i32.store8 (i32.const 0) (i32.const 7))
      (call $keep))
