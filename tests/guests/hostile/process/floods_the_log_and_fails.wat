;; Drowns the log, and then says that it cannot.
    (data (i32.const 2048) "noise")
    (data (i32.const 2064) "cannot")
    (func $attack (result i32)
      (local $count i32)
      (loop $next
        (call $log (i32.const 4) (i32.const 2048) (i32.const 5))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $count) (i32.const 10000))))
      (i32.store8 (i32.const 0) (i32.const 1))
      (call $raw (i32.const 2064) (i32.const 6) (i32.const 0) (i32.const 0)))
