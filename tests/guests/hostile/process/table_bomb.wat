    (table $t 0 funcref)
    (func $attack (result i32)
      ;; Grows until it gets no more. More than 200,000 elements would be an answer, and a pass.
      (loop $more
        (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
      (if (i32.gt_u (table.size $t) (i32.const 200000)) (then (return (call $keep))))
      (unreachable))
