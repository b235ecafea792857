;; By the first letter of the first trigger: f spins for ever, a spins for a while (TURNS), all others return at once.
    (func (export "configure") (param i32 i32) (result i32) (call $on_trigger))
    (func (export "process") (param i32 i64 i32 i32) (param $bytes i32) (param i32) (result i32)
      (local $letter i32) (local $left i64)
      (local.set $letter (i32.load8_u (local.get $bytes)))
      (if (i32.eq (local.get $letter) (i32.const 102)) (then (loop $for_ever (br $for_ever))))
      (if (i32.eq (local.get $letter) (i32.const 97))
        (then
          (local.set $left (i64.const TURNS))
          (loop $turn
            (local.set $left (i64.sub (local.get $left) (i64.const 1)))
            (br_if $turn (i64.gt_s (local.get $left) (i64.const 0))))))
      (call $keep))
