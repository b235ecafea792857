    (func $attack (result i32)
      (drop (call $keep))
      (i32.const -256))
