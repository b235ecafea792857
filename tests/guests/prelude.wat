;; One page of the memory for static data (the answers), then an arena for what the host passes in. The arena starts
;; anew with every call: nothing is kept between calls.
    (global $top (mut i32) (i32.const 65536))
    (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at
        (i32.and
          (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      (if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16)))
        (then
          (if (i32.eq
                (memory.grow
                  (i32.add
                    (i32.const 1)
                    (i32.shr_u
                      (i32.sub (global.get $top) (i32.shl (memory.size) (i32.const 16)))
                      (i32.const 16))))
                (i32.const -1))
            (then (unreachable)))))
      (local.get $at))
    (func $reset (global.set $top (i32.const 65536)))

    ;; At 0: the answer of process, result<edits, string>: discriminant, then two lists (pointer, length) or the
    ;; error's text. At 128: the answer of configure, result<interest, string>: discriminant, at 8 signals, the
    ;; selectors' pointer and length, drops, traits (8 bytes), the pointer and length of `more`.
    (func $keep (result i32) (call $reset) (i32.const 0))
    (func $interest (param $selectors i32) (param $drops i32) (result i32)
      (call $reset)
      (i32.store (i32.const 136) (i32.const 14))
      (i32.store (i32.const 140) (i32.const 256))
      (i32.store (i32.const 144) (local.get $selectors))
      (i32.store (i32.const 148) (local.get $drops))
      (i32.const 128))

    ;; At 256 selectors may follow: signals, levels, field, kinds, access, the name's pointer and length.
    (func $selector (param $number i32) (param $field i32) (param $levels i32) (param $access i32)
        (param $name i32) (param $length i32)
      (local $at i32)
      (local.set $at (i32.add (i32.const 256) (i32.mul (local.get $number) (i32.const 28))))
      (i32.store offset=4 (local.get $at) (local.get $levels))
      (i32.store offset=8 (local.get $at) (local.get $field))
      (i32.store offset=16 (local.get $at) (local.get $access))
      (i32.store offset=20 (local.get $at) (local.get $name))
      (i32.store offset=24 (local.get $at) (local.get $length)))

    ;; Selects the attribute test.trigger of items for reading: process is called only where it is present.
    (data (i32.const 1024) "test.trigger")
    (func $on_trigger (result i32)
      (call $selector (i32.const 0) (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 1024) (i32.const 12))
      (call $interest (i32.const 1) (i32.const 0)))
