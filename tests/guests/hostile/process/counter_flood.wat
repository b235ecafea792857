;; A million names of counters, with quotes and line ends in them, to end a series and begin a forged one.
    (data (i32.const 2048) "n\22} 1\0aforged 2\0a\5c\22")
    (func $attack (result i32)
      (local $count i32) (local $rounds i32)
      (loop $next
        (i32.store (i32.const 2064) (i32.and (local.get $count) (i32.const 0x7f7f7f7f)))
        (call $counter-add (i32.const 2048) (i32.const 20) (i32.const 2056) (i32.const 8) (i64.const 1))
        (local.set $count
          (i32.add (i32.mul (local.get $count) (i32.const 1664525)) (i32.const 1013904223)))
        (local.set $rounds (i32.add (local.get $rounds) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $rounds) (i32.const 1000000))))
      (call $keep))
