    (func $attack (result i32)
      (loop $ever
        (call $counter-add (i32.const 1024) (i32.const 12) (i32.const 1024) (i32.const 12) (i64.const 1))
        (br $ever))
      (unreachable))
