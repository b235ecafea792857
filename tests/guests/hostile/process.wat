;; The rest of the guests in process/, which define `$attack`: it is called for a batch whose first item has the
;; attribute test.trigger with the value "now". Any other batch they leave alone, and behave.
;;
;; They read test.trigger, may write it (key 256), test.other (257), the trace id, the severity and the body of items,
;; and may drop items. The configuration "stateful" makes them that, and "whim" lets them select one more attribute,
;; with a key of random letters, so that no two instances declare the same. In a batch of one resource, entity 0 is the
;; resource, 1 the scope, 2 the first item, and cell 0 its test.trigger.
    (global $index (mut i32) (i32.const 0))
    (global $bytes (mut i32) (i32.const 0))
    (global $size (mut i32) (i32.const 0))
    (global $edits (mut i32) (i32.const 0))
    (data (i32.const 1040) "test.other")
    (func (export "configure") (param $config i32) (param i32) (result i32)
      (local $selectors i32)
      (local.set $selectors (i32.const 6))
      (if (i32.eq (i32.load8_u offset=1 (local.get $config)) (i32.const 119)) ;; w
        (then
          (i64.store (i32.const 1056)
            (i64.or (i64.and (call $random) (i64.const 0x0f0f0f0f0f0f0f0f)) (i64.const 0x6060606060606060)))
          (call $selector (i32.const 6) (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 1056) (i32.const 8))
          (local.set $selectors (i32.const 7))))
      (if (i32.eq (i32.load8_u offset=1 (local.get $config)) (i32.const 115)) ;; s
        (then (i64.store (i32.const 152) (i64.const 1))))
      (call $selector (i32.const 0) (i32.const 2) (i32.const 16) (i32.const 3) (i32.const 1024) (i32.const 12))
      (call $selector (i32.const 1) (i32.const 2) (i32.const 16) (i32.const 2) (i32.const 1040) (i32.const 10))
      (call $selector (i32.const 2) (i32.const 26) (i32.const 16) (i32.const 2) (i32.const 0) (i32.const 0))
      (call $selector (i32.const 3) (i32.const 24) (i32.const 16) (i32.const 2) (i32.const 0) (i32.const 0))
      (call $selector (i32.const 4) (i32.const 36) (i32.const 16) (i32.const 2) (i32.const 0) (i32.const 0))
      (call $selector (i32.const 5) (i32.const 23) (i32.const 16) (i32.const 2) (i32.const 0) (i32.const 0))
      (call $interest (local.get $selectors) (i32.const 16)))
    (func (export "process") (param i32 i64 i32 i32 i32 i32) (result i32)
      (memory.fill (i32.const 0) (i32.const 0) (i32.const 20))
      (global.set $index (local.get 2))
      (global.set $bytes (local.get 4))
      (global.set $size (local.get 5))
      (if (i32.eqz (local.get 5)) (then (return (call $keep))))
      (if (i32.ne (i32.load8_u (local.get 4)) (i32.const 110)) (then (return (call $keep))))
      (call $attack))

    ;; The answer by its raw parts: where the list of words is and how long, and the list of bytes.
    (func $raw (param $words i32) (param $count i32) (param $values i32) (param $size i32) (result i32)
      (i32.store (i32.const 4) (local.get $words))
      (i32.store (i32.const 8) (local.get $count))
      (i32.store (i32.const 12) (local.get $values))
      (i32.store (i32.const 16) (local.get $size))
      (call $keep))
    ;; One more edit, whose value ends at $end.
    (func $edit (param $op i32) (param $kind i32) (param $target i32) (param $field i32) (param $end i32)
      (local $at i32)
      (local.set $at (i32.add (i32.const 4104) (i32.shl (global.get $edits) (i32.const 4))))
      (i32.store (local.get $at) (i32.or (local.get $op) (i32.shl (local.get $kind) (i32.const 8))))
      (i32.store offset=4 (local.get $at) (local.get $target))
      (i32.store offset=8 (local.get $at) (local.get $field))
      (i32.store offset=12 (local.get $at) (local.get $end))
      (global.set $edits (i32.add (global.get $edits) (i32.const 1))))
    ;; The edits so far are the answer; their values stand at $values.
    (func $answer (param $values i32) (param $size i32) (result i32)
      (local $count i32)
      (local.set $count (global.get $edits))
      (global.set $edits (i32.const 0))
      (i32.store (i32.const 4096) (i32.const 2))
      (i32.store (i32.const 4100) (local.get $count))
      (call $raw
        (i32.const 4096) (i32.add (i32.const 2) (i32.shl (local.get $count) (i32.const 2)))
        (local.get $values) (local.get $size)))
    ;; Sets test.other of the first item to a number.
    (func $tell (param $number i32) (result i32)
      (i64.store (i32.const 2000) (i64.extend_i32_u (local.get $number)))
      (call $edit (i32.const 4) (i32.const 3) (i32.const 2) (i32.const 257) (i32.const 8))
      (call $answer (i32.const 2000) (i32.const 8)))
