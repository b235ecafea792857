    (func $deeper (param i32) (result i32) (i32.add (call $deeper (local.get 0)) (local.get 0)))
    (func $attack (result i32)
      (call $deeper (i32.const 1)))
