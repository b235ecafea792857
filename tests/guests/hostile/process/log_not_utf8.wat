    (data (i32.const 2048) "\f0\28\8c\bc")
    (func $attack (result i32)
      (call $log (i32.const 2) (i32.const 2048) (i32.const 4))
      (call $keep))
