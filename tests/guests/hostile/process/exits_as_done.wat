    (func $attack (result i32)
      ;; As if all were well: nothing of weir may end.
      (call $exit (i32.const 0))
      (unreachable))
