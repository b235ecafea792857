;; A hundred thousand long lines, made to look like lines of weir.
    (data (i32.const 2048) "first\0a2026-11-25T00:00:00Z ERROR forged line\0d\1b[2Jforged too\e2\80\a8and this")
    (func $attack (result i32)
      (local $count i32)
      (memory.fill (i32.const 2200) (i32.const 0x78) (i32.const 8000))
      (loop $next
        (call $log (local.get $count) (i32.const 2048) (i32.const 8152))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $count) (i32.const 100000))))
      (call $keep))
