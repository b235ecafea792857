    (func $length (param $at i32) (param $length i32)
      (i32.store8 (local.get $at) (i32.or (i32.and (local.get $length) (i32.const 127)) (i32.const 128)))
      (i32.store8 offset=1 (local.get $at)
        (i32.or (i32.and (i32.shr_u (local.get $length) (i32.const 7)) (i32.const 127)) (i32.const 128)))
      (i32.store8 offset=2 (local.get $at) (i32.shr_u (local.get $length) (i32.const 14))))
    (func $attack (result i32)
      (local $at i32)
      ;; An array in an array in an array ... from the inside out: tag, a length of three bytes, and so on.
      (local.set $at (i32.const 40000))
      (loop $next
        (local.set $at (i32.sub (local.get $at) (i32.const 8)))
        ;; values (1) of the array, then array_value (5) of the element
        (i32.store8 (local.get $at) (i32.const 0x2a))
        (call $length (i32.add (local.get $at) (i32.const 1)) (i32.sub (i32.const 39996) (local.get $at)))
        (i32.store8 offset=4 (local.get $at) (i32.const 0x0a))
        (call $length (i32.add (local.get $at) (i32.const 5)) (i32.sub (i32.const 39992) (local.get $at)))
        (br_if $next (i32.gt_u (local.get $at) (i32.const 24000))))
      (call $edit (i32.const 4) (i32.const 11) (i32.const 2) (i32.const 257) (i32.const 16000))
      (call $answer (i32.const 24000) (i32.const 16000)))
