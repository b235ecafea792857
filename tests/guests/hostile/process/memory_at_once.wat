    (func $attack (result i32)
      (drop (memory.grow (i32.const 65000)))
      (unreachable))
