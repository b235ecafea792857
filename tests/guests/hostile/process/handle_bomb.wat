;; Takes handle after handle from the host and gives none back.
    (func $attack (result i32)
      (loop $ever
        (drop (call $alarm (i64.const 1)))
        (br $ever))
      (unreachable))
