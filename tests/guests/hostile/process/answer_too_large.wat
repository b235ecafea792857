    (func $attack (result i32)
      ;; Sixteen million bytes of memory that it may have: more than four times its batch and a mebibyte.
      (drop (memory.grow (i32.const 80)))
      (call $raw (i32.const 0) (i32.const 0) (i32.const 2048) (i32.const 5000000)))
