;; Asks the host for more random bytes than there is memory in the world.
    (func $attack (result i32)
      (call $random-bytes (i64.const -1) (i32.const 32))
      (call $keep))
