;; Takes a mebibyte with each call and never gives it back.
    (func $attack (result i32)
      (drop (memory.grow (i32.const 16)))
      (call $keep))
