;; Drops entity 0, 1, 2, ... wherever its level is 1 (resource). Levels are every third word from 4 + H - 4 on.
    (func (export "configure") (param i32 i32) (result i32) (call $interest (i32.const 0) (i32.const 2)))
    (func (export "process") (param i32 i64) (param $index i32) (param i32 i32 i32) (result i32)
      (local $entities i32) (local $entity i32) (local $at i32) (local $edits i32)
      (local.set $entities (i32.load offset=4 (local.get $index)))
      (local.set $at
        (i32.add (local.get $index) (i32.shl (i32.load (local.get $index)) (i32.const 2))))
      (i32.store (i32.const 2048) (i32.const 2))
      (block $done
        (loop $next
          (br_if $done (i32.ge_u (local.get $entity) (local.get $entities)))
          (if (i32.eq (i32.load (local.get $at)) (i32.const 1))
            (then
              (i32.store offset=2056 (i32.shl (local.get $edits) (i32.const 4)) (i32.const 1))
              (i32.store offset=2060 (i32.shl (local.get $edits) (i32.const 4)) (local.get $entity))
              (local.set $edits (i32.add (local.get $edits) (i32.const 1)))))
          (local.set $entity (i32.add (local.get $entity) (i32.const 1)))
          (local.set $at (i32.add (local.get $at) (i32.const 12)))
          (br $next)))
      (i32.store (i32.const 2052) (local.get $edits))
      (i32.store (i32.const 4) (i32.const 2048))
      (i32.store (i32.const 8) (i32.add (i32.const 2) (i32.shl (local.get $edits) (i32.const 2))))
      (call $keep))
