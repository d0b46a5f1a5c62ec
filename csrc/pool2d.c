/* pool2d.c */
