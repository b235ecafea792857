    (table 2 funcref)
    (func $attack (result i32)
      (call_indirect (result i32) (i32.const 1)))
