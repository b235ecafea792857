;; Counts to a billion: some tenths of a second, and then a good answer.
    (func $attack (result i32)
      (local $count i64)
      (loop $next
        (local.set $count (i64.add (local.get $count) (i64.const 1)))
        (br_if $next (i64.lt_u (local.get $count) (i64.const 1000000000))))
      (call $keep))
