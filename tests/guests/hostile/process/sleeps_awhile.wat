;; Sleeps in the host for 0.3 s, and then gives a good answer.
    (func $attack (result i32)
      (local $alarm i32)
      (local.set $alarm (call $alarm (i64.const 300000000)))
      (call $block (local.get $alarm))
      (call $silence (local.get $alarm))
      (call $keep))
