    (func $attack (result i32)
      (local $alarm i32)
      (loop $ever
        (local.set $alarm (call $alarm (i64.const 3600000000000)))
        (call $block (local.get $alarm))
        (call $silence (local.get $alarm))
        (br $ever))
      (unreachable))
