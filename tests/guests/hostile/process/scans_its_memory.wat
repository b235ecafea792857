;; Looks through all of its memory for a marker, and traps if it is there.
    (func $attack (result i32)
      (local $at i32) (local $end i32)
      ;; "OnlyHere" as a number, so that it does not find itself.
      (local.set $end (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 8)))
      (loop $next
        (if (i64.eq (i64.load (local.get $at)) (i64.const 7310016507124936271)) (then (unreachable)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $next (i32.le_u (local.get $at) (local.get $end))))
      (call $keep))
