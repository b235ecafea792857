;; Behaves, and waits.
    (global $calls (mut i32) (i32.const 0))
    (func $attack (result i32)
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (if (i32.gt_u (global.get $calls) (i32.const 10000)) (then (unreachable)))
      (call $keep))
