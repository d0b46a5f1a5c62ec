/* conv2d.c */
