;; Looks at the kind and the first byte of every cell, so that the value is really touched.
    (data (i32.const 2048) "http.request.method")
    (global $seen (mut i32) (i32.const 0))
    (func (export "configure") (param i32 i32) (result i32)
      (call $selector (i32.const 0) (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 2048) (i32.const 19))
      (call $interest (i32.const 1) (i32.const 0)))
    (func (export "process") (param i32 i64) (param $index i32) (param i32) (param $bytes i32) (param i32) (result i32)
      (local $cell i32) (local $cells i32) (local $at i32) (local $start i32)
      (local.set $cells (i32.load offset=8 (local.get $index)))
      (local.set $at
        (i32.add
          (i32.add (local.get $index) (i32.shl (i32.load (local.get $index)) (i32.const 2)))
          (i32.mul (i32.load offset=4 (local.get $index)) (i32.const 12))))
      (block $done
        (loop $next
          (br_if $done (i32.ge_u (local.get $cell) (local.get $cells)))
          (if (i32.eq (i32.load offset=4 (local.get $at)) (i32.const 1))
            (then
              (global.set $seen
                (i32.add (global.get $seen) (i32.load8_u (i32.add (local.get $bytes) (local.get $start)))))))
          (local.set $start (i32.add (i32.load offset=8 (local.get $at)) (i32.const 1)))
          (local.set $cell (i32.add (local.get $cell) (i32.const 1)))
          (local.set $at (i32.add (local.get $at) (i32.const 12)))
          (br $next)))
      (call $keep))
