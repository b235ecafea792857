;; One line of eight mebibytes: more than it may hand to the host in one call.
    (func $attack (result i32)
      (drop (memory.grow (i32.const 130)))
      (call $log (i32.const 2) (i32.const 2048) (i32.const 8388608))
      (call $keep))
