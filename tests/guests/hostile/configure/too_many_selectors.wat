    (func (export "configure") (param i32 i32) (result i32)
      (local.set 0 (i32.const 0))
      (loop $next
        (call $selector (local.get 0) (i32.const 23) (i32.const 16) (i32.const 1) (i32.const 0) (i32.const 0))
        (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get 0) (i32.const 1025))))
      (call $interest (i32.const 1025) (i32.const 0)))
