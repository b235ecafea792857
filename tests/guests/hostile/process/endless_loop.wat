    (func $attack (result i32)
      (loop $ever (br $ever))
      (unreachable))
