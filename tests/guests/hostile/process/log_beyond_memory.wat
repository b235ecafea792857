    (func $attack (result i32)
      (call $log (i32.const 2) (i32.const -64) (i32.const 128))
      (call $keep))
