;; Three megabytes of reasons.
    (func (export "configure") (param i32 i32) (result i32)
      (drop (memory.grow (i32.const 48)))
      (memory.fill (i32.const 131072) (i32.const 0x78) (i32.const 3000000))
      (i32.store8 (i32.const 128) (i32.const 1))
      (i32.store (i32.const 136) (i32.const 131072))
      (i32.store (i32.const 140) (i32.const 3000000))
      (call $reset)
      (i32.const 128))
