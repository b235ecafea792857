    (func $attack (result i32)
      (i32.load (i32.const -8)))
